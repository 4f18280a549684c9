"""V1-07: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.compiling import Chain, CostLine, break_even_plot, bucket_plot, trip_counter
from components.instruments.dispatch import Pass, Run, dispatch_timeline, host_device_race
from components.instruments.figure import Figure
from components.instruments.placing import decade_ticks
from components.instruments.waterfall import Limit
from labs.vol1.lab_07_ml_frameworks import CHAINS, WEIGHT_BYTES, CompileForWhom, DispatchLab, FasterChip
from ledger import DesignLedger, new_student_id, open_store
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import written

CONTEXTS = ("cloud", "edge")
DANGER = ("compiler_oom", "engines_oom", "release_blocked", "robot_not_ready")


@pytest.fixture
def lab(ledger: DesignLedger) -> DispatchLab:
    return DispatchLab(ledger)


def in_act2(lab: DispatchLab, context: str = "cloud") -> DispatchLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "B")
    lab.set_control("act1", "blocks", 24)
    lab.answer("act1", "B")
    lab.lock("act2", "A")
    return lab


def finished(lab: DispatchLab, context: str = "cloud", **controls: Any) -> DispatchLab:
    """The lab at the point of saving, with these controls of Act II."""
    in_act2(lab, context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    return lab


def meets(act: CompileForWhom) -> bool:
    return all(constraint.holds(act.outcome) for constraint in act.constraints())


def failing(act: CompileForWhom) -> set[str]:
    return {failure.id for failure in act.active_failures()}


# --- Act I ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "busy_old", "busy_new", "ratio_old", "ratio_new", "free", "crossing"),
    [("cloud", 0.170, 0.104, 5.87, 9.65, 1.643, 2848), ("edge", 1.0, 0.565, 0.881, 1.769, 2.008, 372)],
)
def test_gauges_of_both_upgrades(context, busy_old, busy_new, ratio_old, ratio_new, free, crossing):
    outcome = FasterChip.asked(context)
    assert outcome.old_busy_fraction == pytest.approx(busy_old, abs=5e-4)
    assert outcome.new_busy_fraction == pytest.approx(busy_new, abs=5e-4)
    assert outcome.old_overhead_ratio == pytest.approx(ratio_old, abs=5e-3)
    assert outcome.new_overhead_ratio == pytest.approx(ratio_new, abs=5e-3)
    assert outcome.free_host_speedup == pytest.approx(free, abs=5e-4)
    assert round(outcome.crossing_batch) == crossing


def test_taking_turns_leaves_a_small_gain():
    outcome = FasterChip.asked()
    assert [t * 1e3 for t in outcome.turns_s] == pytest.approx([10.111, 9.536], abs=5e-4)
    assert outcome.queued_s[0] == outcome.queued_s[1] == outcome.host_s


def test_edge_upgrade_changes_sides():
    outcome = FasterChip.asked("edge")
    assert outcome.old_step_s == outcome.old_device_s == pytest.approx(29.41e-3, abs=5e-6)
    assert outcome.new_step_s == outcome.host_s == pytest.approx(25.92e-3)


@pytest.mark.parametrize(
    ("option", "text", "ratio", "words"),
    [
        ("A", "3.2×", "3.17 times", ["3 µs of the token"]),
        ("B", "1.6×", "1.64 times", ["waiting for the host"]),
        ("C", "1.3×", "1.30 times", ["max(8.64, 1.47)", "max(8.64, 0.90)"]),
        ("D", "1.0× (no gain)", "1.00 times", ["1.06×"]),
    ],
)
def test_act1_reveals(lab, option, text, ratio, words):
    prediction = lab.act1.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).text == text
    assert (gap.actual, gap.text, gap.correct) == ("1.00×", ratio, option == "D")
    for word in ["8.64 ms", "0.90 ms", "116 tokens per second before, 116 after", *words]:
        assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    message, concept = lab.act1.message().text, lab.act1.concept()
    for word in ("116 tokens per second", "1.64 times", "3.2 times"):
        assert word in message
    for word in ("48 blocks of 12 operations, 576 in all", "10 µs", "5 µs", "3.0 GB"):
        assert word in concept
    assert "from 17 % to 10 %" in lab.act1.reflection().question
    assert "11.5" in lab.act1.peek().note
    assert "92 %" in lab.act1.peek().note
    lab.set_context("edge")
    assert "34 tokens per second" in lab.act1.message().text
    assert "30 µs" in lab.act1.concept()


def test_defaults_of_the_host_follow_the_context(lab):
    assert (lab.act1.dispatch_s, lab.act1.launch_s) == (10e-6, 5e-6)
    lab.set_context("edge")
    assert (lab.act1.dispatch_s, lab.act1.launch_s) == (30e-6, 15e-6)
    lab.act1.set("blocks", 24)
    lab.set_context("cloud")
    assert lab.act1.blocks == 24, "a control that is the same in both contexts keeps its value"


# --- the schedule behind the timeline ---------------------------------------------------------------------------


def test_schedule_agrees_with_the_law_up_to_one_kernel():
    for dispatch, kernel in ((10e-6, 2.5e-6), (1e-6, 20e-6)):
        plan = physics.dispatch_schedule(500, dispatch, 5e-6, kernel)
        law = physics.eager_step_time(500, dispatch, 5e-6, 500 * kernel, True)
        assert law <= plan.makespan <= law + dispatch + 5e-6 + kernel
        assert np.all(plan.start >= plan.launch_end - 1e-15)
        assert np.all(plan.start[1:] >= plan.end[:-1] - 1e-15)


def test_schedule_of_turns_and_of_a_replayed_graph():
    turns = physics.dispatch_schedule(24, 10e-6, 5e-6, 2e-6, overlap=False)
    assert turns.makespan == pytest.approx(24 * 17e-6)
    graph = physics.dispatch_schedule(7, 0.0, 5e-6, 1e-6, replay=True)
    assert graph.makespan == pytest.approx(12e-6)
    assert len(graph.launch_end) == 1
    assert len(graph.end) == 7


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((0, 1e-6, 1e-6, 1e-6), "kernels"), ((1, -1.0, 0, 0), "dispatch_s"), ((1, 0, 0, math.nan), "kernel_s")],
)
def test_schedule_refuses(arguments, word):
    with pytest.raises(ValueError, match=word):
        physics.dispatch_schedule(*arguments)


def test_bucket_lengths():
    assert list(physics.bucket_lengths(512, 4)) == [128, 256, 384, 512]
    for arguments in ((512, 0), (512, 1.5), (0.5, 1), (math.nan, 1)):
        with pytest.raises(ValueError, match="must be"):
            physics.bucket_lengths(*arguments)
    device = {"peak_flop_s": 989e12, "bandwidth_bytes_s": 3.35e12, "launch_s": 5e-6}
    times = physics.compiled_item_time(physics.bucket_lengths(512, 8), True, True, **device)
    assert physics.bucketed_mean_time(8, 512, True, True, **device) == pytest.approx(float(np.mean(times)))


# --- Act II: the tables of the sheet -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "mean_ms"),
    [
        ("cloud", {"mode": "eager"}, 2.160),
        ("cloud", {"mode": "jit", "buckets": 8}, 0.720),
        ("cloud", {"mode": "jit", "buckets": 1, "fused": True}, 0.420),
        ("cloud", {"mode": "jit", "buckets": 32, "fused": True}, 0.420),
        ("cloud", {"mode": "jit", "buckets": 8, "replay": True}, 0.152),
        ("cloud", {"mode": "jit", "buckets": 8, "fused": True, "replay": True}, 0.100),
        ("edge", {"mode": "eager"}, 6.634),
        ("edge", {"mode": "aot", "buckets": 7}, 4.883),
        ("edge", {"mode": "aot", "buckets": 7, "fused": True}, 3.146),
        ("edge", {"mode": "aot", "buckets": 7, "replay": True}, 4.898),
        ("edge", {"mode": "aot", "buckets": 7, "fused": True, "replay": True}, 3.161),
        ("edge", {"mode": "aot", "buckets": 6, "fused": True}, 3.177),
        ("edge", {"mode": "aot", "buckets": 6, "fused": True, "replay": True}, 3.192),
        ("edge", {"mode": "aot", "buckets": 5, "fused": True, "replay": True}, 3.235),
    ],
)
def test_mean_latencies(context, controls, mean_ms):
    assert CompileForWhom.case(context, **controls).mean_latency_s * 1e3 == pytest.approx(mean_ms, abs=6e-4)


def feasible(lab: DispatchLab) -> set[tuple[Any, ...]]:
    """Mode, fused, replay and buckets of every design that solves the challenge at the default lifetime."""
    act = lab.act2
    found = set()
    for mode, fused, replay, buckets in itertools.product(
        ("eager", "jit", "aot"), (False, True), (False, True), range(1, 33)
    ):
        outcome = act.case(lab.context, mode=mode, fused=fused, replay=replay, buckets=buckets)
        if all(constraint.holds(outcome) for constraint in act.constraints()):
            assert outcome.build_ok, "the line that is no badge holds, too"
            assert outcome.boot_ok
            found.add((mode, fused, replay, buckets))
    return found


def test_every_feasible_design(lab):
    assert feasible(lab) == {("jit", True, True, k) for k in range(6, 21)}
    lab.set_context("edge")
    assert feasible(lab) == {("aot", True, replay, k) for replay in (False, True) for k in (6, 7)}


def test_the_two_contexts_need_opposite_levers(lab):
    cloud, edge = ({(fused, replay) for _, fused, replay, _ in feasible(lab)} for lab in (lab, opened_in("edge")))
    assert all(replay for _, replay in cloud), "the cloud must remove launches"
    assert edge == {(True, False), (True, True)}, "the edge must remove bytes, and can do without replay"


def opened_in(context: str) -> DispatchLab:
    """Another student's lab, in `context`."""
    other = DispatchLab(DesignLedger(open_store("sqlite://"), new_student_id()))
    other.set_context(context)
    return other


@pytest.mark.parametrize(
    ("context", "controls", "banners", "words"),
    [
        ("edge", {"mode": "jit"}, {"compiler_oom", "robot_not_ready", "compile_debt"}, ["2.27 GB", "88 %"]),
        ("edge", {"mode": "aot", "buckets": 8, "fused": True}, {"engines_oom"}, ["8 engines need 2.16 GB"]),
        ("edge", {"mode": "aot", "buckets": 7, "fused": True}, set(), []),
        ("edge", {"mode": "aot", "buckets": 24, "fused": True}, {"engines_oom"}, []),
        ("edge", {"mode": "aot", "buckets": 25, "fused": True}, {"engines_oom", "release_blocked"}, ["90,000 s"]),
        ("edge", {"mode": "jit", "buckets": 1}, {"compiler_oom", "robot_not_ready", "compile_debt"}, ["135 s"]),
        ("cloud", {"mode": "aot"}, {"release_blocked"}, ["1 shape takes 3,600 s", "900 s"]),
        ("cloud", {"mode": "aot", "buckets": 8}, {"release_blocked"}, ["28,800 s"]),
        ("cloud", {"mode": "jit", "buckets": 21}, {"release_blocked"}, ["945 s"]),
        ("cloud", {"mode": "jit", "buckets": 20}, set(), []),
        ("cloud", {"mode": "eager"}, set(), []),
        ("edge", {"mode": "eager"}, set(), []),
    ],
)
def test_failure_states(lab, context, controls, banners, words):
    lab.set_context(context)
    act = lab.act2
    act.param.update(**controls)
    assert failing(act) == banners
    said = " ".join(failure.text(act.outcome) for failure in act.active_failures())
    for word in words:
        assert word in said


def test_compile_debt_is_paid_off_by_reuse(lab):
    lab.set_context("edge")
    act = lab.act2
    act.param.update(mode="jit", fused=True, replay=True)
    debt = next(failure for failure in act.active_failures() if failure.id == "compile_debt")
    assert debt.severity == "warn"
    for word in ("135 s spent", "5.7 s recovered before the next restart", "57,134 requests", "you have 2,400"):
        assert word in debt.text(act.outcome)
    act.set("requests", 72_000)
    assert "compile_debt" not in failing(act)
    assert act.outcome.net_saved_s == pytest.approx(35.1, abs=0.05)


def test_a_program_slower_than_eager_never_pays(lab):
    lab.set_context("edge")
    act = lab.act2
    act.param.update(mode="aot", replay=True)
    (debt,) = act.active_failures()
    assert "every request costs more" in debt.text(act.outcome)
    act.param.update(mode="jit")
    assert act.outcome.breakeven_requests == math.inf
    metric = next(m for m in act.metrics(act.outcome) if m.label == "Break-even")
    assert metric.value == "never"
    assert "break-even: never" in written(act.plots(act.outcome)["break_even"], "ink")


def test_the_price_of_the_cloud_solution(lab):
    act = lab.act2
    act.param.update(mode="jit", fused=True, replay=True, buckets=8)
    outcome = act.outcome
    assert outcome.net_saved_s == pytest.approx(143_835, abs=0.5)
    assert outcome.optimum == pytest.approx(7.83, abs=5e-3)
    shown = {metric.label: metric for metric in act.metrics(outcome)}
    assert (shown["Break-even"].value, shown["Break-even"].note) == ("174,764", "25.2 min of traffic")
    assert meets(act)
    assert not failing(act)


def test_the_optimum_is_the_least_total_time():
    outcome = CompileForWhom.case("cloud", mode="jit", fused=True, replay=True)
    total = 45 * np.arange(1, 33) + 7e7 * outcome.compiled_means_s
    assert np.argmin(total) + 1 == round(outcome.optimum)
    assert CompileForWhom.case("edge", mode="jit", fused=True, replay=True).optimum == 1
    assert CompileForWhom.case("cloud", mode="jit", fused=True).optimum is None, "launches may hide the padding"
    assert CompileForWhom.case("cloud", mode="aot", fused=True, replay=True).optimum is None


def test_days_of_traffic_repay_the_jit_compile_on_the_robot(lab):
    lab.set_context("edge")
    act = lab.act2
    act.param.update(mode="jit", fused=True, replay=True)
    note = next(m.note for m in act.metrics(act.outcome) if m.label == "Break-even")
    assert note == "23.8 d of traffic"


@pytest.mark.parametrize(
    ("option", "text", "ratio", "word"),
    [
        ("A", "21,000", "6.36 times", "6.4 times"),
        ("B", "43,500", "3.07 times", "3.1 times"),
        ("C", "134,000", "1.00 times", "0.2245 ms"),
        ("D", "1,280,000", "9.58 times", "a tenth"),
    ],
)
def test_act2_reveals(lab, option, text, ratio, word):
    prediction = lab.act2.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).text == text
    assert (gap.actual, gap.text, gap.correct) == ("133,607 images", ratio, option == "C")
    assert word in gap.why


def test_act2_texts_quote_the_model(lab):
    for word in ("10 million requests a day", "2.16 ms", "0.102 ms", "15 minutes"):
        assert word in lab.act2.message().text
    reflection = lab.act2.reflection()
    assert "2.16 ms became 0.42 ms" in reflection.question
    assert "84 launches of 5 µs take 0.42 ms" in reflection.option("B").feedback
    assert "0.13 ms" in reflection.option("D").feedback
    assert "arithmetic 0.10 ms" in reflection.option("D").feedback
    lab.set_context("edge")
    for word in ("100 commands an hour", "6.63 ms", "3.2 ms", "60 seconds", "2 GB"):
        assert word in lab.act2.message().text


def test_badges_and_contract_card(lab):
    in_act2(lab)
    for context, badges, boot in (
        ("cloud", ["Mean ≤ 0.102 ms", "Compile repaid", "Build ≤ 900 s", "RAM ≤ 80 GB"], "none"),
        ("edge", ["Mean ≤ 3.2 ms", "Compile repaid", "Boot ≤ 60 s", "RAM ≤ 2 GB"], "≤ 60 s"),
    ):
        lab.set_context(context)
        assert [constraint.label for constraint in lab.act2.constraints()] == badges
        (card,) = lab.act2.tables(lab.act2.outcome)
        assert len(card.rows) == 5
        assert card.rows[3][2] == boot
        assert card.rows[0][1].startswith("✕")


def test_switches_need_a_compiled_graph(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="Needs a compiled graph"):
        lab.set_control("act2", "fused", True)
    lab.set_control("act2", "mode", "jit")
    lab.set_control("act2", "fused", True)
    lab.set_control("act2", "mode", "eager")
    assert lab.act2.outcome.mean_latency_s == lab.act2.outcome.eager_latency_s, "no effect in eager mode"


def test_lifetimes_are_days_or_hours(lab):
    specs = {context: CompileForWhom.controls_in(context)["requests"] for context in CONTEXTS}
    assert specs["cloud"].text(7e7) == "7 days, 70 million requests"
    assert specs["cloud"].labels[0] == "1 day, 10 million requests"
    assert specs["edge"].text(2400) == "24 h, 2,400 requests"
    assert (len(specs["cloud"].stops), len(specs["edge"].stops)) == (28, 720)


def test_memory_of_the_three_modes():
    outcome = CompileForWhom.case("edge", mode="aot", buckets=7)
    assert WEIGHT_BYTES == 169_869_312
    assert sum(outcome.memory["AOT"].values()) == pytest.approx(1.889e9, abs=1e6)
    assert sum(outcome.memory["JIT"].values()) == pytest.approx(WEIGHT_BYTES + 0.7e9 + 2e9)
    assert sum(outcome.memory["eager"].values()) == WEIGHT_BYTES


def test_parts_of_the_drawn_request_are_those_of_the_formula():
    for context, fused in itertools.product(CONTEXTS, (False, True)):
        drawn = CompileForWhom.case(context, mode="jit", fused=fused, replay=True).own_pass
        assert drawn.step_s == pytest.approx(drawn.launch_s + max(drawn.memory_s, drawn.compute_s))
        plain = CompileForWhom.case(context, mode="jit", fused=fused).own_pass
        assert plain.step_s == pytest.approx(max(plain.launch_s, plain.memory_s, plain.compute_s))


def test_start_settings_fail_without_a_banner(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        assert not meets(lab.act2)
        assert not failing(lab.act2)
    assert not lab.constraint_hit


# --- ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "context", "words"),
    [
        ("tiled", "edge", ["24 layers × 10 kernels", "3.60 ms"]),
        ("materialized", "cloud", ["24 layers × 12", "1.44 ms"]),
    ],
)
def test_lab_06_sets_context_and_a_line_of_launches(ledger, algorithm, context, words):
    save_earlier(ledger, "ch06", context=context, layers=24, attention_algorithm=algorithm)
    lab = DispatchLab(ledger)
    assert (lab.context, lab.context_source) == (context, "Lab 06")
    for word in words:
        assert word in lab.act1.from_ledger()


def test_without_a_ledger_the_lab_opens_in_the_cloud(lab):
    assert (lab.context, lab.context_source) == ("cloud", "")
    assert lab.act1.from_ledger() == ""


def test_the_line_of_launches_needs_both_fields(ledger):
    save_earlier(ledger, "ch06", context="cloud", layers=24)
    assert DispatchLab(ledger).act1.from_ledger() == ""


@pytest.mark.parametrize(
    ("context", "controls", "expected"),
    [
        (
            "cloud",
            {"mode": "jit", "fused": True, "replay": True, "buckets": 8},
            {"act2_decision": "jit", "fused": True, "replay": True, "buckets": 8, "act2_result": 1.0008e-4},
        ),
        (
            "edge",
            {"mode": "aot", "fused": True, "buckets": 7},
            {"act2_decision": "aot", "fused": True, "replay": False, "breakeven_requests": None},
        ),
        ("cloud", {"mode": "eager"}, {"act2_decision": "eager", "fused": False, "breakeven_requests": None}),
        ("edge", {"mode": "jit", "replay": True}, {"act2_decision": "jit", "breakeven_requests": None}),
    ],
)
def test_what_is_saved(lab, context, controls, expected):
    finished(lab, context, **{"buckets": 1, **controls})
    lab.save()
    entry = lab.ledger.get(7)
    for name, value in expected.items():
        assert entry[name] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value)
    assert entry["act1_prediction"] == "B"
    assert entry["context"] == context


def test_breakeven_is_saved(lab):
    finished(lab, mode="jit", fused=True, replay=True, buckets=8)
    lab.save()
    assert lab.ledger.get(7)["breakeven_requests"] == pytest.approx(174_763.7, abs=0.1)


def test_switches_left_on_are_not_saved_in_eager_mode(lab):
    finished(lab, mode="jit", fused=True, replay=True)
    lab.set_control("act2", "mode", "eager")
    design = lab.design()
    assert (design["fused"], design["replay"]) == (False, False)


def test_cliff_and_challenge(lab):
    in_act2(lab, "edge")
    for name, value in lab.breaking("edge").items():
        lab.set_control("act2", name, value)
    assert lab.constraint_hit
    for name, value in lab.solution("edge").items():
        lab.set_control("act2", name, value)
    assert not failing(lab.act2) & set(DANGER)
    assert "edge" in lab.solved


def test_a_warning_is_no_cliff(lab):
    in_act2(lab, "edge")
    for name, value in {"mode": "aot", "replay": True}.items():
        lab.set_control("act2", name, value)
    assert failing(lab.act2) == {"compile_debt"}
    assert not lab.constraint_hit


# --- pictures -----------------------------------------------------------------------------------------------------


def test_plots_can_be_drawn_at_the_extremes(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            for end in (0, -1):
                act.param.update(**{name: spec.values()[end] for name, spec in act.specs.items()})
                for plot in act.plots(act.outcome).values():
                    Figure(plot)


def test_structure_stays_when_a_control_moves(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            shapes: dict[str, set[Any]] = {}
            for name, spec in act.specs.items():
                for value in (spec.values()[0], spec.values()[-1]):
                    act.param.update(**{name: value})
                    for key, plot in act.plots(act.outcome).items():
                        shapes.setdefault(key, set()).add(plot.structure())
            assert {key: len(found) for key, found in shapes.items()} == dict.fromkeys(shapes, 1)


def test_predictions_are_drawn(lab):
    in_act2(lab)
    first, second = (act.plots(act.outcome) for act in (lab.act1, lab.act2))
    assert "your prediction" in written(first["race"])
    assert "◇ your prediction" in written(first["batch"])
    assert "you, for\nResNet-50" in written(second["break_even"])
    lab.set_context("edge")
    assert "your prediction" not in written(lab.act1.plots(lab.act1.outcome)["race"])


def test_timeline_draws_hosts_kernels_and_waits(lab):
    outcome = FasterChip.asked("edge")
    plot = dispatch_timeline([Run("old", outcome.old_schedule), Run("new", outcome.new_schedule)], title="t")
    assert [name for _, name in plot.y.ticks] == ["host", "device"] * 2
    boxes = {layer.token: layer.columns() for layer in plot.layers if "left" in layer.columns()}
    assert len(boxes["series-3"]["left"]) == len(boxes["data"]["left"]) == 48
    assert np.all(boxes["series-3"]["right"] > boxes["series-3"]["left"])


def test_one_kernel_fills_its_lane(lab):
    plan = physics.dispatch_schedule(1, 1e-6, 1e-6, 1e-2)
    plot = dispatch_timeline([Run("one", plan)], title="t")
    kernel = next(layer for layer in plot.layers if layer.token == "series-3").columns()
    assert kernel["right"][0] > 0.99 * plan.makespan * 1e6


def test_race_starts_the_device_late_when_they_take_turns():
    plot = host_device_race([Pass("a", 2e-3, 1e-3, 4e-3, 1e-3, 7e-3, turns=True)], title="t")
    memory = next(layer for layer in plot.layers if layer.token == "series-3").columns()
    assert (memory["left"][0], memory["right"][0]) == pytest.approx((3, 7))
    assert "a: 7.00 ms" in written(plot)


def test_bucket_plot_shades_the_window():
    means = np.array([4.0, 3.0, 2.0, 1.9]) * 1e-3

    def drawn(*walls: float):
        return bucket_plot(
            means,
            here=(1, 4e-3),
            here_label="1",
            eager_s=9e-3,
            target=Limit(2e-3, "target"),
            walls=[Limit(wall, f"wall {wall}", "caution") for wall in walls],
            optimum=math.nan,
            title="t",
        )

    window = next(layer for layer in drawn(3.0).layers if layer.token == "met").columns()
    assert (window["left"][0], window["right"][0]) == (2.5, 3.5)
    closed = next(layer for layer in drawn(2.0).layers if layer.token == "met").columns()
    assert np.isnan(closed["left"][0])
    assert "wall 9.0" not in written(drawn(9.0)), "a wall beyond the axis is hidden"
    assert drawn(3.0).structure() == drawn(9.0).structure()


def test_break_even_plot_places_the_crossing():
    plot = break_even_plot(
        (CostLine("eager", 0, 2e-3, "series-6"), CostLine("JIT", 30, 1e-3, "data")),
        low=100,
        high=1e9,
        crossing=30_000,
        crossing_at_s=60,
        lifetime=1e6,
        lifetime_label="end",
        predicted=None,
        predicted_label="you",
        item="items",
        title="t",
    )
    assert "break-even\n30,000" in written(plot, "ink")
    assert "you" not in written(plot)


def test_trip_counter_counts():
    assert [chain.trips for chain in CHAINS] == [10, 6, 2]
    assert [physics.fusion_traffic_ratio(chain.trips) for chain in CHAINS] == [5, 3, 1]
    plot = trip_counter((Chain("a", (("x", "R"), ("y", "RW"))), Chain("b", (("z", "RW"),))), chosen=1, title="t")
    assert {"a: 3 trips", "b: 2 trips (yours)"} <= set(written(plot, "ink"))


def test_the_trip_counter_follows_the_switch(lab):
    act = lab.act2
    assert "one kernel each: 6 trips (yours)" in written(act.plots(act.outcome)["trips"])
    act.param.update(mode="jit", fused=True)
    plot = act.plots(act.outcome)["trips"]
    assert "fused: 2 trips (yours)" in written(plot)
    assert "a wait for launches" in plot.caption
    lab.set_context("edge")
    assert "a wait for bytes" in lab.act2.plots(lab.act2.outcome)["trips"].caption


def test_decade_ticks():
    assert decade_ticks(0.01, 1e7, 2) == ((0.01, "0.01"), (1, "1"), (100, "100"), (1e4, "10k"), (1e6, "1M"))
