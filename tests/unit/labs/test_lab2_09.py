"""V2-09: the tables, texts, moves, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from earlier import save_earlier
from plot_words import texts, written

from components.instruments.critical_path import (
    Change,
    LaneStep,
    SpeedupLine,
    Total,
    amdahl_against_measured,
    removal_waterfall,
    two_lane_steps,
)
from components.instruments.figure import Figure
from components.instruments.waterfall import Limit
from labs.vol2.lab_09_perf_engr import (
    BUDGET,
    COST_TARGET,
    KEYS,
    NOTHING,
    TARGET,
    FasterKernel,
    ProfileFirst,
    Sprint,
    profile,
    weeks_of,
)
from ledger import DesignLedger, contract_of

STREAM_PLAN = ("fusion", "graphs", "int4")


@pytest.fixture
def lab(ledger: DesignLedger) -> ProfileFirst:
    return ProfileFirst(ledger)


def in_act2(lab: ProfileFirst, context: str = "streaming", predicted: float = 1.5) -> ProfileFirst:
    """The lab with both predictions locked, in `context`."""
    lab.begin_act1()
    lab.lock("act1", "B")
    lab.set_control("act1", "part_speedup", 2.0)
    lab.answer("act1", "B")
    lab.lock("act2", predicted)
    lab.set_context(context)
    return lab


def fund(lab: ProfileFirst, *keys: str, **controls: object) -> None:
    """Switches every fix: on those named, off the others."""
    for key in KEYS:
        lab.set_control("act2", key, key in keys)
    for name, value in controls.items():
        lab.set_control("act2", name, value)


def design(context: str, *keys: str, batch: int | None = None):
    return Sprint.compute(context, batch=batch, **dict.fromkeys(keys, True))


# --- the model -----------------------------------------------------------------------------------------------


def test_base_values_of_the_sheet():
    stream, batched = profile(1, NOTHING), profile(32, NOTHING)
    in_ms = [1e3 * part for part in (stream.dispatch, stream.gemm, stream.attention, stream.elementwise, stream.busy)]
    assert in_ms == pytest.approx([22.2336, 4.8129, 0.5651, 5.0176, 10.3956], abs=5e-5)
    assert (1 / stream.step, stream.idle) == pytest.approx((45.0, 0.532), abs=0.05)
    assert 1e3 * batched.attention == pytest.approx(18.0841, abs=5e-5)
    assert 1e3 * batched.step == pytest.approx(27.9145, abs=5e-5)
    assert (stream.exposed, batched.exposed, batched.idle) == ("host", "GPU", 0)
    # The GPU lane overtakes the host lane between 21 and 22 sequences.
    assert [profile(batch, NOTHING).exposed for batch in (21, 22)] == ["host", "GPU"]
    assert [1e3 * profile(batch, NOTHING).busy for batch in (21, 22)] == pytest.approx([21.70, 22.26], abs=5e-3)


def test_the_tracer_tells_a_launch_bound_step():
    stream, batched = (FasterKernel.compute(context, tracer=True) for context in ("streaming", "batch"))
    assert 1e3 * stream.step_s == pytest.approx(25.57, abs=5e-3)
    assert 1e3 * batched.step_s == pytest.approx(27.91, abs=5e-3)


def test_amdahl_is_exact_only_without_gaps_and_until_the_other_lane_takes_over():
    gemm = FasterKernel.compute("batch")
    assert gemm.actual_speedup == pytest.approx(gemm.amdahl_from_wall_share) == pytest.approx(1.0841, abs=5e-5)
    attention = FasterKernel.compute("batch", target="attention", part_speedup=3.0)
    assert (attention.actual_speedup, attention.amdahl_from_wall_share) == pytest.approx((1.2555, 1.7602), abs=5e-5)


@pytest.mark.parametrize("batch", [1, 21, 22, 58])
@pytest.mark.parametrize("target", ["gemm", "attention", "elementwise", "dispatch"])
def test_a_faster_part_never_gains_more_than_amdahl_on_the_clock(batch, target):
    for factor in (1.0, 1 / 0.55, 10.0):
        o = FasterKernel.compute("streaming", batch=batch, target=target, part_speedup=factor)
        bound = 1 / (1 - o.before.share(target) * (1 - 1 / factor))
        assert 1 <= o.actual_speedup <= bound * (1 + 1e-12)
        assert o.measured_curve[-1] >= o.actual_speedup * (1 - 1e-12)
    assert (o.kernel_share is None) == (target == "dispatch")


def test_streaming_designs():
    table = {
        (): 22.23,
        ("fusion",): 6.36,
        ("fusion", "graphs"): 6.36,
        ("fusion", "int4"): 5.56,
        ("fusion", "kv_int8"): 6.08,
        ("graphs", "int4"): 8.23,
        STREAM_PLAN: 4.198,
        ("int4",): 22.2336,
        ("kv_int8",): 22.2336,
        ("gemm_kernel",): 22.2336,
        ("attention_kernel",): 22.2336,
    }
    for keys, expected in table.items():
        assert 1e3 * design("streaming", *keys).step_s == pytest.approx(expected, abs=5e-3), keys


def test_one_set_of_fixes_solves_streaming():
    sets = [keys for n in range(7) for keys in itertools.combinations(KEYS, n)]
    assert [keys for keys in sets if design("streaming", *keys).meets_all] == [STREAM_PLAN]
    payable = [keys for keys in sets if weeks_of(keys) <= BUDGET.value]
    assert len(payable) == 17


def test_feasible_batch_designs():
    def region(*keys: str) -> list[int]:
        return [batch for batch in range(1, 129) if design("batch", *keys, batch=batch).meets_all]

    assert region("kv_int8", "fusion") == list(range(75, 117))
    assert region("kv_int8", "int4")[0] == 99
    assert region("kv_int8", "fusion", "int4")[0] == 47
    assert design("batch", "kv_int8", "fusion", "int4").engineer_weeks == 3.0
    assert region("kv_int8") == []
    assert region(*STREAM_PLAN) == []
    assert region("attention_kernel") == []


@pytest.mark.parametrize(
    ("keys", "batch", "cost"),
    [
        ((), 32, 0.969),
        ((), 58, 0.816),
        (("kv_int8", "fusion"), 112, 0.3715),
        (("kv_int8",), 112, 0.4115),
        (STREAM_PLAN, 64, 0.691),
        (("attention_kernel",), 58, 0.614),
    ],
)
def test_costs_of_the_sheet(keys, batch, cost):
    o = design("batch", *keys, batch=batch)
    assert o.usd_per_million_tokens == pytest.approx(cost, abs=5e-4)
    assert not o.oom


def test_memory():
    assert design("batch", batch=58).memory_bytes == pytest.approx(79.75e9, abs=5e6)
    assert [design("batch", batch=batch).oom for batch in (58, 59)] == [False, True]
    assert not design("batch", "kv_int8", batch=59).oom
    assert design("batch", "kv_int8", "int4").batch_limit == 134
    assert design("batch", "kv_int8", "fusion", batch=112).memory_bytes == pytest.approx(77.6e9, abs=5e7)


def test_graphs_change_nothing_in_batch():
    for keys in (("kv_int8", "fusion"), ("kv_int8", "fusion", "int4")):
        assert design("batch", *keys, batch=96).step_s == design("batch", *keys, "graphs", batch=96).step_s


def test_the_profiling_loop_takes_the_largest_first():
    o = design("streaming", *STREAM_PLAN)
    assert [one.key for one in o.path] == ["fusion", "int4", "graphs"]
    assert [1e3 * one.after_s for one in o.path] == pytest.approx([6.36, 5.56, 4.20], abs=5e-3)
    assert [one.lane for one in o.path] == ["GPU", "host", "GPU"]
    assert {one.key for one in o.waiting} == {"kv_int8", "attention_kernel", "gemm_kernel"}


@pytest.mark.parametrize("context", ["streaming", "batch"])
def test_the_way_to_a_design_ends_at_the_design(context):
    for n, batch in ((2, 1), (3, 58), (6, 128)):
        for keys in itertools.combinations(KEYS, n):
            o = design(context, *keys, batch=batch)
            ends = [o.path[0].before_s, *(one.after_s for one in o.path)]
            assert ends == sorted(ends, reverse=True)
            assert [one.before_s for one in o.path] == ends[:-1]
            assert ends[-1] == pytest.approx(o.step_s)
            assert all(one.before_s == pytest.approx(o.step_s) and one.after_s <= one.before_s for one in o.waiting)
            assert len(o.path) + len(o.waiting) == len(KEYS)


# --- texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "gap", "words"),
    [
        ("A", "1.82 times", ("22 % of the clock", "0 % of the critical path")),
        ("B", "1.26 times", ("46 %", "53 %")),
        ("C", "1.11 times", ("becomes idle time",)),
        ("D", "1.00 times", ("2.14×",)),
    ],
)
def test_reveal_of_act_1(lab, option, gap, words):
    shown = lab.act1.prediction().gap(option)
    assert (shown.text, shown.actual, shown.correct) == (gap, "1.00×", option == "D")
    for word in ("45.0 tokens/s", "2.17 ms earlier", *words):
        assert word in shown.why


def test_words_of_act_1(lab):
    for word in ("1.82 times", "46 % of GPU time", "45 tokens per second"):
        assert word in lab.act1.message().text
    for word in ("3,840", "22.23", "4.81", "46.3 %", "5.02", "48.3 %", "0.57", "5.4 %", "10.40"):
        assert word in lab.act1.concept()
    # The gap is not given away before the prediction.
    assert "idle" not in lab.act1.concept()
    options = {option.id: option.feedback for option in lab.act1.reflection().options}
    assert "1.08×" in lab.act1.reflection().question
    assert "17.2 % instead of 46.3 %" in options["D"]
    assert "295" in options["A"]


@pytest.mark.parametrize(
    ("entry", "right", "words"),
    [
        (1.0, False, "as long as another lane hides it"),
        (1.15, False, "reused the share of the old profile"),
        (1.35, False, "from 46 % to 76 %"),
        (1.4, True, "new profile"),
        (1.65, True, "new profile"),
        (1.7, False, "a quarter"),
        (4.0, False, "24 %"),
    ],
)
def test_reveal_of_act_2(lab, entry, right, words):
    shown = lab.act2.prediction().gap(entry)
    assert shown.correct is right
    assert words in shown.why
    assert shown.actual == "1.516 ×"
    for word in ("75.6 %", "6.36", "4.20"):
        assert word in shown.why


def test_words_of_act_2(lab):
    for word in ("3 engineer-weeks", "80-token", "400 ms", "5 ms per token", "22", "0.40 USD", "0.82"):
        assert word in lab.act2.message().text
    assert "Of 64 sets of fixes 17 are within the budget, and 1 of these" in lab.act2.challenge()
    options = {option.id: option.feedback for option in lab.act2.reflection().options}
    assert "4.20 ms" in lab.act2.reflection().question
    for key, words in {
        "A": ("0.99 ms", "23 %"),
        "B": ("2.65 of 4.20 ms", "63 %"),
        "C": ("295",),
        "D": ("1.07×", "13 %"),
    }.items():
        for word in words:
            assert word in options[key]


def test_instructor_notes_quote_the_model():
    for word in ("25.57", "27.91", "1.26×", "1.76×"):
        assert word in ProfileFirst.instructor_notes


# --- failures ------------------------------------------------------------------------------------------------


def banners(lab: ProfileFirst) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


def test_out_of_memory_and_back(lab):
    in_act2(lab, "batch")
    assert not lab.constraint_hit
    fund(lab, "fusion", batch=59)
    for word in ("59 sequences of 2,048 tokens", "63.4 GB", "13.5 GB", "4.0 GB", "80.8 GB", "80.0 GB", "fits: 58"):
        assert word in banners(lab)["oom"]
    assert lab.constraint_hit
    lab.set_control("act2", "batch", 58)
    assert "oom" not in banners(lab)
    fund(lab, "kv_int8", batch=59)
    assert "oom" not in banners(lab)
    fund(lab, "kv_int8", "fusion", batch=112)
    assert banners(lab) == {}
    assert lab.act2.constraints_met()


def test_targets_and_budget(lab):
    in_act2(lab)
    for word in ("22.23 ms", "5.00", "4.45×", "host", "53 %"):
        assert word in banners(lab)["slo_missed"]
    fund(lab, "gemm_kernel", "fusion")
    assert banners(lab)["over_budget"] == "3.5 engineer-weeks of 3.0."
    fund(lab, *STREAM_PLAN)
    assert banners(lab) == {}
    lab.set_context("batch")
    for word in ("0.400", "attention"):
        assert word in banners(lab)["cost_missed"]
    fund(lab)
    for word in ("0.969", "attention, 65 %"):
        assert word in banners(lab)["cost_missed"]


# --- ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "keys", "decision"),
    [
        ("streaming", STREAM_PLAN, "fusion_graphs_int4"),
        ("streaming", ("fusion", "int4"), "other"),
        ("streaming", (), "other"),
        ("batch", ("kv_int8", "fusion"), "kv_int8_fusion"),
        ("batch", ("kv_int8", "fusion", "graphs"), "kv_int8_fusion"),
        ("streaming", ("kv_int8", "fusion", "graphs"), "other"),
        ("batch", ("kv_int8", "int4"), "kv_int8_int4"),
        ("batch", ("kv_int8", "fusion", "int4"), "kv_int8_fusion_int4"),
        ("batch", STREAM_PLAN, "other"),
    ],
)
def test_decisions(lab, context, keys, decision):
    in_act2(lab, context)
    fund(lab, *keys)
    entry = lab.design()
    assert entry["act2_decision"] == decision
    assert decision in contract_of("v2_09").fields["act2_decision"].vocabulary
    assert entry["weights_bits"] == (4 if "int4" in keys else 16)
    assert entry["kv_bits"] == (8 if "kv_int8" in keys else 16)
    assert entry["batch"] == (1 if context == "streaming" else 32)


def test_result_and_both_contexts(lab):
    in_act2(lab)
    assert lab.result() == 1.0
    fund(lab, *STREAM_PLAN)
    assert lab.result() == pytest.approx(22.2336 / 4.197799, rel=1e-5)
    assert lab.extras()["both_contexts_solved"] is False
    lab.set_context("batch")
    fund(lab, "kv_int8", "fusion", batch=112)
    assert lab.result() == pytest.approx(0.969254512 / 0.371483974, rel=1e-6)
    assert lab.extras() == {"weights_bits": 16, "kv_bits": 8, "batch": 112, "both_contexts_solved": True}


@pytest.mark.parametrize(
    ("known", "recap", "sentence"),
    [(None, True, ""), (True, False, "left out"), (False, True, "stands below")],
)
def test_v1_12_folds_the_recap(ledger, known, recap, sentence):
    if known is not None:
        save_earlier(ledger, "ch12", act1_correct=known)
    act = ProfileFirst(ledger).act1
    assert ("that a change touches" in act.concept()) is recap
    assert "Amdahl's law" in act.concept()
    assert sentence in act.from_ledger()
    assert bool(act.from_ledger()) is (known is not None)


@pytest.mark.parametrize(("decision", "told"), [("jit", True), ("aot", True), ("eager", False), (None, False)])
def test_v1_07_speaks_in_the_reveal_only(ledger, decision, told):
    if decision is not None:
        save_earlier(ledger, "ch07", act2_decision=decision)
    act = ProfileFirst(ledger).act1
    assert ("V1-07" in act.prediction().gap("A").why) is told
    assert "V1-07" not in act.concept() + act.from_ledger() + act.message().text


def test_contexts_have_batches_of_their_own(lab):
    assert lab.act1.batch == 1
    lab.set_context("batch")
    assert lab.act1.batch == 32
    assert "batch" in lab.act2.specs
    lab.set_context("streaming")
    assert lab.act1.batch == 1
    assert "batch" not in lab.act2.specs


def test_the_int4_button_names_a_stop(lab):
    spec = lab.act1.specs["part_speedup"]
    assert spec.default == 1 / 0.55
    (setting,) = spec.shortcuts.settings.values()
    assert setting["part_speedup"] in spec.labels


# --- instruments ---------------------------------------------------------------------------------------------


def test_every_picture_keeps_its_structure(lab):
    in_act2(lab)
    for context in ("streaming", "batch"):
        lab.set_context(context)
        for act, states in (
            (
                lab.act1,
                [
                    {"target": target, "part_speedup": factor, "batch": batch, "tracer": tracer}
                    for target in ("gemm", "attention", "elementwise", "dispatch")
                    for factor, batch, tracer in ((1.0, 1, False), (10.0, 58, True), (1 / 0.55, 21, False))
                ],
            ),
            (
                lab.act2,
                [
                    {**dict.fromkeys(KEYS, False), **dict.fromkeys(keys, True), "batch": batch}
                    for keys in ((), STREAM_PLAN, KEYS, ("kv_int8",))
                    for batch in (1, 59, 128)
                ],
            ),
        ):
            structures = set()
            for state in states:
                outcome = act.compute(context, **state)
                plots = act.plots(outcome)
                structures.add(tuple((name, plot.structure()) for name, plot in plots.items()))
                for plot in plots.values():
                    assert plot.caption
                    assert "nan" not in texts(plot)
            assert len(structures) == 1


def test_the_lanes_say_which_one_is_exposed():
    kernels = {"GEMM": 4e-3, "attention": 1e-3, "element-wise": 5e-3}
    plot = two_lane_steps([LaneStep("before", 22e-3, kernels), LaneStep("after", 1e-3, kernels)], title="t")
    assert "before: 22.00 ms (host)" in written(plot)
    assert "after: 10.00 ms (GPU)" in written(plot)
    assert "waits 12.0 ms" in written(plot)
    assert LaneStep("tie", 10e-3, kernels).exposed == "GPU"
    Figure(plot)


def test_the_waterfall_says_what_each_change_removes():
    plot = removal_waterfall(
        Total("start", 20.0, "host"),
        [Change("a", 20.0, 8.0), Change("b", 8.0, 8.0), Change("c", 8.0, 9.0, "host")],
        Total("now", 9.0, "GPU"),
        [Change("d", 9.0, 4.0), Change("e", 9.0, 9.0)],
        unit="ms",
        axis="time (ms)",
        title="t",
        limits=[Limit(5.0, "target", "met"), Limit(np.nan, "yours", "series-2")],
    )
    words = written(plot)
    assert words.count("nothing") == 2
    assert {"−12.0 ms", "−5.00 ms", "+1.00 ms", "20.0 ms (host)", "9.00 ms (GPU)", "target"} <= set(words)
    assert "yours" not in words
    assert [name for _, name in plot.y.ticks] == ["start", "a", "b", "c", "now", "d", "e"]
    Figure(plot)


def test_members_of_the_waterfall_may_trade_places():
    def picture(made: int):
        changes = [Change(str(k), 9.0 - k, 8.0 - k) for k in range(4)]
        return removal_waterfall(
            Total("start", 9.0, "GPU"),
            changes[:made],
            Total("now", 9.0 - made, "host"),
            changes[made:],
            unit="ms",
            axis="time (ms)",
            title="t",
        )

    assert len({picture(made).structure() for made in range(5)}) == 1


def test_amdahl_lines_hide_where_there_is_no_share():
    x = np.geomspace(1, 10, 5)
    gone = SpeedupLine("GPU-time share", np.full(5, np.nan), np.nan)
    plot = amdahl_against_measured(
        x, [gone, gone], SpeedupLine("the step", x**0.2, 1.2), here=2.0, part="dispatch", top=2.5, title="t"
    )
    assert written(plot) == ["the step"]
    Figure(plot)


def test_predictions_are_drawn(lab):
    in_act2(lab, predicted=1.5)
    for act, words in ((lab.act1, "your prediction"), (lab.act2, "you, with INT4")):
        assert words in texts(act.plots(act.outcome)["removed"])
    lab.set_context("batch")
    assert "you" not in texts(lab.act1.plots(lab.act1.outcome)["lanes"])


def test_limits_are_those_of_the_story():
    assert pytest.approx(5e-3) == TARGET.value
    assert COST_TARGET.value == 0.4
