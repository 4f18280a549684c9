"""V1-09: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.data_selection import (
    Bill,
    Schedule,
    curriculum_pacing,
    rare_class_tiles,
    schedule_breakeven,
    selection_bill,
)
from components.instruments.figure import Figure
from components.instruments.layers import Axis, Labels
from components.instruments.pareto import Box, Design, Trace, pareto_curve
from components.instruments.waterfall import Limit
from labs.vol1.lab_09_data_selection import (
    KEPT,
    SCORERS,
    SITES,
    Curriculum,
    DataSelectionLab,
    SelectionTax,
    cost,
    families,
    frontier,
    two_nights,
)
from ledger import DesignLedger, contract_of
from mlsysim import physics
from tests.unit.labs.earlier import save_earlier
from tests.unit.labs.plot_words import written

CONTEXTS = ("cloud", "edge")


@pytest.fixture
def lab(ledger: DesignLedger) -> DataSelectionLab:
    return DataSelectionLab(ledger)


def in_act2(lab: DataSelectionLab, context: str = "cloud", predicted: float = 50) -> DataSelectionLab:
    """The lab with both predictions locked, in `context`."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "scorer", "running")
    lab.answer("act1", "C")
    lab.lock("act2", predicted)
    return lab


def feasible(context: str, class_floor: bool) -> dict[str, list[int]]:
    """Kept shares (%) at which each scorer solves the challenge; scorers that never do are left out."""
    found = {
        name: [
            round(100 * kept)
            for kept in KEPT
            if SelectionTax.compute(context, scorer=name, keep_fraction=kept, class_floor=class_floor).feasible
        ]
        for name in SCORERS
    }
    return {name: shares for name, shares in found.items() if shares}


def cheapest_at_floor(context: str, scorer: str) -> tuple[int, float]:
    """The least kept share (%) that reaches the accuracy floor, and its hours."""
    hours, accuracy = families(context, False)[scorer]
    first = int(np.flatnonzero(accuracy >= SITES[context].floor_pct)[0])
    return round(100 * KEPT[first]), float(hours[first])


# --- Act I --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "scorer", "speedup"),
    [
        ("cloud", "proxy", 1.093),
        ("edge", "proxy", 0.963),
        ("edge", "target", 0.730),
        ("edge", "rescore", 0.964),
        ("edge", "running", 1.286),
    ],
)
def test_speedups_of_the_sheet(context, scorer, speedup):
    assert Curriculum.case(context, scorer).net_speedup == pytest.approx(speedup, abs=0.0005)


def test_breakeven_epochs():
    assert Curriculum.case("cloud").breakeven_epochs == pytest.approx(21.07, abs=0.005)
    assert Curriculum.case("edge").breakeven_epochs == pytest.approx(10.54, abs=0.005)
    assert Curriculum.case("edge", "rescore").breakeven_epochs is None
    assert Curriculum.case("edge", "running").breakeven_epochs == 0


def test_the_bill_adds_up():
    for context, scorer in itertools.product(CONTEXTS, ("proxy", "target", "rescore", "running")):
        for warmup, runs in ((1, 1), (5, 12)):
            o = Curriculum.compute(context, scorer=scorer, baseline_epochs=60, warmup_epochs=warmup, runs=runs)
            spent = o.training_flops + o.once_flops + o.rescoring_flops
            assert o.full_flops / spent == pytest.approx(o.net_speedup)
            assert (o.once_flops + o.rescoring_flops) / o.full_flops == pytest.approx(o.scoring_share)
            # Whole epochs: every epoch trains on the share that it may use.
            if o.curriculum_epochs == int(o.curriculum_epochs):
                assert o.available.sum() == pytest.approx(o.curriculum_passes)


@pytest.mark.parametrize(
    ("option", "ratio", "words"),
    [
        ("A", "2.74 times", ["11 %", "22 %", "23 %"]),
        ("B", "1.37 times", ["one epoch in 9"]),
        ("C", "1.01 times", ["22 %", "0.963", "26 %", "9 epochs"]),
        ("D", "1.37 times", ["57.6 GFLOP", "2,214", "2.6 %"]),
    ],
)
def test_act1_reveals(lab, option, ratio, words):
    gap = lab.act1.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("1.093 ×", ratio, option == "C")
    for word in ["90 × 24.6 = 2,214", "80 × 24.6 + 57.6 = 2,025.6", *words]:
        assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    assert "1.28 million" in lab.act1.message().text
    reflection = lab.act1.reflection()
    for option, number in (("A", "0.730"), ("B", "0.964"), ("C", "1.286")):
        assert number in reflection.option(option).feedback
    assert "6.4 %" in lab.act1.peek().note


def test_a_warm_up_longer_than_the_curriculum_is_out_of_reach_and_gives_way(lab):
    in_act2(lab, "edge")
    assert min(lab.act1.limits()["warmup_epochs"]) == 8
    with pytest.raises(ControlError, match="7 epochs"):
        lab.set_control("act1", "warmup_epochs", 8)
    lab.set_control("act1", "warmup_epochs", 7)
    lab.set_control("act1", "baseline_epochs", 3)
    assert lab.act1.warmup_epochs == 2
    lab.set_context("cloud")
    lab.set_control("act1", "warmup_epochs", 10)
    lab.set_context("edge")
    assert lab.act1.warmup_epochs == 2, "the shorter schedule of the other context takes its warm-up along"


def test_each_context_has_its_own_schedule(lab):
    assert lab.act1.baseline_epochs == 90
    lab.set_context("edge")
    assert lab.act1.baseline_epochs == 9


# --- Act II: the tables of the sheet ------------------------------------------------------------------------------


def test_feasible_designs_of_the_cloud():
    assert feasible("cloud", True) == {"proxy": [72], "target": [71, 72], "foundation": [71, 72]}
    assert feasible("cloud", False) == {}
    best = SelectionTax.compute("cloud", scorer="target", keep_fraction=0.71, class_floor=True)
    assert (best.total_hours, best.accuracy_pct, best.rare_kept) == (
        pytest.approx(136.83, abs=0.005),
        pytest.approx(75.20, abs=0.005),
        150,
    )
    for scorer, kept in (("proxy", 0.72), ("target", 0.72), ("foundation", 0.71)):
        other = SelectionTax.compute("cloud", scorer=scorer, keep_fraction=kept, class_floor=True)
        assert other.total_hours > best.total_hours


def test_feasible_designs_of_the_edge():
    assert feasible("edge", True) == {"checkpoint": list(range(41, 57))}
    assert feasible("edge", False) == {"checkpoint": list(range(50, 57))}


@pytest.mark.parametrize(
    ("context", "scorer", "kept", "hours"),
    [
        ("cloud", "random", 88, 169.1),
        ("cloud", "checkpoint", 74, 142.2),
        ("edge", "proxy", 38, 1.267),
        ("edge", "random", 69, 1.365),
    ],
)
def test_naive_designs_reach_the_floor_beyond_the_budget(context, scorer, kept, hours):
    assert cheapest_at_floor(context, scorer) == (kept, pytest.approx(hours, rel=1e-3))
    assert hours > SITES[context].budget_h


def test_two_probes_spend_the_night_before_training():
    offsets = [float(cost("edge", name, 1.0, False).selection_h) for name in SCORERS]
    assert offsets == pytest.approx([0, 0.07, 0.51, 1.17, 1.45], abs=0.005)
    assert two_nights() == pytest.approx(1.01, abs=0.005)


def test_defaults_are_over_budget():
    for context, hours in (("cloud", 192.2), ("edge", 1.978)):
        outcome = SelectionTax.evaluate(context)
        assert outcome["total_hours"] == pytest.approx(hours, rel=1e-3)
        assert not outcome["budget_ok"]


def test_margin_and_relative_cost_are_one_number():
    for context, name, kept in itertools.product(CONTEXTS, SCORERS, (0.05, 0.3, 1.0)):
        o = SelectionTax.compute(context, scorer=name, keep_fraction=kept, class_floor=True)
        assert o.margin == pytest.approx(1 - o.relative_cost)
        assert o.selection_tax == (name != "random" and o.relative_cost >= 1 - 1e-9)


def test_neither_pool_nor_device_is_in_the_ratio():
    """The selection inequality in FLOP per sample: what the reflection asserts."""
    for context, site in SITES.items():
        for name, scorer in SCORERS.items():
            o = SelectionTax.compute(context, scorer=name, keep_fraction=0.5, class_floor=False)
            per_sample = scorer.flops() / (site.runs * physics.sample_training_flops(1, site.epochs, 8.2e9))
            assert o.selection_hours / o.full_hours == pytest.approx(per_sample)


def test_the_frontier_dominates_every_design():
    for context in CONTEXTS:
        spent, reached = frontier(context, False)
        assert (np.diff(spent) > 0).all()
        assert (np.diff(reached) > 0).all()
        for hours, accuracy in families(context, False).values():
            at = np.searchsorted(spent, hours * (1 + 1e-12), side="right") - 1
            assert (reached[at] >= accuracy - 1e-9).all()


# --- Act II: texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "correct", "words"),
    [
        (24, True, "thrown away included"),
        (29, False, "too little"),
        (40, False, "too little"),
        (50, False, "forgotten"),
        (80, False, "cannot be saved"),
        (0, False, "not hopeless"),
    ],
)
def test_act2_reveals(lab, entry, correct, words):
    gap = lab.act2.prediction().gap(entry)
    assert gap.correct is correct
    assert gap.actual == "24.0 % of the full run"
    assert gap.amount == pytest.approx(abs(entry - 23.984), abs=0.001)
    for word in ("57.6 GFLOP", "221.4", "26.0 %", "about half", words):
        assert word in gap.why


def test_act2_messages_and_reflection(lab):
    for word in ("30-run", "192 H100-hours", "140", "76.1 %", "200", "150"):
        assert word in lab.act2.message().text
    concept = lab.act2.concept()
    for word in ("277.8 h", "28.3 h", "1.8 times"):
        assert word in concept
    reflection = lab.act2.reflection()
    assert "59 %" in reflection.question
    for word in ("131.2", "66,420", "0.2 %", "221.4", "59 %"):
        assert word in reflection.option("C").feedback
    lab.set_context("edge")
    for word in ("100,000 frames", "1.2 hours", "1.98", "91 %", "150 crack images"):
        assert word in lab.act2.message().text


def test_banners(lab):
    def banners() -> dict[str, str]:
        return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}

    lab.act2.param.update(scorer="target", keep_fraction=0.71)
    assert banners() == {
        "coverage_lost": "only 142 of the 200 recalled-product images survive; the protocol needs 150."
    }
    lab.act2.param.update(scorer="random", class_floor=True)
    assert banners() == {"quality_floor": "73.43 % accuracy, the release needs 75.1 %."}
    lab.set_context("edge")
    lab.act2.param.update(scorer="foundation", keep_fraction=0.45)
    assert banners()["selection_tax"].startswith("scoring 1.45 h + training 0.89 h = 2.34 h")
    assert "1.98 h" in banners()["selection_tax"]
    assert "26.8 %" in banners()["selection_tax"]
    lab.act2.param.update(scorer="target")
    assert "40.7 %" in banners()["selection_tax"]
    lab.act2.param.update(scorer="checkpoint")
    assert banners() == {}


def test_the_table_holds_what_every_scorer_costs(lab):
    lab.set_context("edge")
    lab.act2.param.update(scorer="proxy")
    (table,) = lab.act2.tables(lab.act2.outcome)
    assert [row[1] for row in table.rows] == ["0", "8.2", "57.6", "131.2", "162"]
    assert table.rows[table.emphasis][0] == "ResNet-18 probe"
    assert table.rows[2][3] == "74.0 %"


# --- ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "result"),
    [
        ("cloud", {"scorer": "target", "keep_fraction": 0.71, "class_floor": True}, 0.71198),
        ("edge", {"scorer": "checkpoint", "keep_fraction": 0.45, "class_floor": True}, 0.48719),
    ],
)
def test_saved_design(lab, ledger, context, controls, result):
    in_act2(lab, context, predicted=40)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    assert context in lab.solved
    lab.answer("act2", "C")
    lab.save()
    entry = ledger.get(9)
    assert set(entry) == set(contract_of("ch09").fields)
    assert entry["act2_result"] == pytest.approx(result, abs=1e-5)
    assert (entry["context"], entry["act1_prediction"], entry["act1_correct"]) == (context, "A", False)
    assert (entry["act2_decision"], entry["class_floor"]) == (controls["scorer"], True)
    assert (entry["keep_fraction"], entry["act2_prediction"]) == (controls["keep_fraction"], 40)
    assert entry["accuracy_pct"] == lab.act2.outcome.accuracy_pct


def test_decisions_are_those_of_the_contract():
    assert tuple(SCORERS) == contract_of("ch09").fields["act2_decision"].vocabulary


def test_warnings_and_the_toggle_do_not_count_as_the_cliff(lab):
    in_act2(lab)
    lab.set_control("act2", "keep_fraction", 0.8)
    assert not lab.constraint_hit
    lab.set_context("edge")
    assert not lab.constraint_hit
    lab.set_control("act2", "scorer", "foundation")
    assert lab.constraint_hit


def test_without_a_ledger_the_lab_opens_with_its_fallbacks(lab):
    assert (lab.context, lab.context_source) == ("cloud", "")
    assert lab.act1.from_ledger() == lab.act2.from_ledger() == ""
    lab.set_context("edge")
    assert "drift" not in lab.act2.message().text


def test_earlier_labs_are_read(ledger):
    save_earlier(ledger, "ch03", constraint_hit=True)
    save_earlier(ledger, "ch04", reduction=8.0)
    save_earlier(ledger, "ch08", context="mobile")
    lab = DataSelectionLab(ledger)
    assert (lab.context, lab.context_source) == ("edge", "Lab 08")
    assert "Lab 03" in lab.act2.message().text
    assert "Lab 04" in lab.act2.from_ledger()
    assert "8 times" in lab.act2.from_ledger()
    assert lab.act2.outcome == SelectionTax.compute("edge", scorer="random", keep_fraction=1.0, class_floor=False)
    lab.set_context("cloud")
    assert "drift" not in lab.act2.message().text


def test_other_results_in_earlier_labs_change_nothing(ledger):
    save_earlier(ledger, "ch03", constraint_hit=False)
    save_earlier(ledger, "ch04", reduction=1.0)
    save_earlier(ledger, "ch08", context="cloud")
    lab = DataSelectionLab(ledger)
    assert lab.context == "cloud"
    assert lab.act2.from_ledger() == ""


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_plots_keep_their_structure_at_every_extreme(lab, context, key):
    in_act2(lab, context)
    act = lab.act(key)
    shapes = {name: plot.structure() for name, plot in act.plots(act.outcome).items()}
    for values in itertools.product(*(dict.fromkeys((s.values()[0], s.values()[-1])) for s in act.specs.values())):
        chosen = dict(zip(act.specs, values, strict=True))
        act.param.update(**{**chosen, **act.settle(chosen)})
        for name, plot in act.plots(act.outcome).items():
            assert plot.structure() == shapes[name], f"{name} is drawn anew for {values}"


def test_plots_can_be_drawn(lab):
    in_act2(lab)
    for context in CONTEXTS:
        lab.set_context(context)
        for act in (lab.act1, lab.act2):
            for plot in act.plots(act.outcome).values():
                Figure(plot)


def test_the_predictions_are_drawn_where_they_were_asked(lab):
    in_act2(lab, "cloud", predicted=50)
    act1, act2 = lab.act1, lab.act2
    assert "your 3 ×" in written(act1.plots(act1.outcome)["bill"])
    assert "you: 3 ×" in written(act1.plots(act1.outcome)["breakeven"])
    assert "your prediction" not in written(act2.plots(act2.outcome)["pareto"])
    lab.set_context("edge")
    assert "your 3 ×" not in written(act1.plots(act1.outcome)["bill"])
    pareto = act2.plots(act2.outcome)["pareto"]
    assert "your prediction" in written(pareto)
    line = next(layer for layer in pareto.layers if layer.token == "series-2")
    assert line.columns()["x"] == pytest.approx([0.989, 0.989])


def test_captions_tell_nothing_of_scorers_that_were_not_tried(lab):
    in_act2(lab, "edge")
    caption = lab.act2.plots(lab.act2.outcome)["pareto"].caption
    assert "1.36 h" in caption
    assert "checkpoint" not in caption
    lab.set_control("act2", "scorer", "checkpoint")
    assert "deployed checkpoint at 0.88 h" in lab.act2.plots(lab.act2.outcome)["pareto"].caption


def test_pacing_is_an_area_of_compute():
    plot = curriculum_pacing(30, np.minimum(1, np.arange(1, 25) / 10), 23.5, scoring_epochs=2.5, title="t")
    areas = {}
    for layer in plot.layers:
        columns = layer.columns()
        if "left" in columns:
            area = (columns["right"] - columns["left"]) * (columns["top"] - columns["bottom"]) / 100
            areas[layer.token] = float(np.nansum(area))
    assert areas["data"] == pytest.approx(23.5 - 4.5)
    assert areas["data"] + areas["met"] == pytest.approx(30)
    assert areas["series-5"] == pytest.approx(2.5)


def test_pacing_without_scoring_has_no_block():
    plot = curriculum_pacing(9, np.ones(7), 7, scoring_epochs=0, title="t")
    assert "looking: nothing" in written(plot)
    block = next(layer for layer in plot.layers if layer.token == "series-5")
    assert np.isnan(block.columns()["left"]).all()
    Figure(plot)


def bill(total: float, selection: float = 0.0) -> Bill:
    return Bill(
        "b", {"selection": selection, "training": total - selection}, {"selection": "series-5", "training": "data"}
    )


@pytest.mark.parametrize(
    ("selected", "token", "text"),
    [
        (60, "met-ink", "saves 40.0 %"),
        (118, "violation-ink", "tax 18.0 %"),
        (100, "muted", "saves nothing"),
        (300, "on-fill", "tax 200 %"),
    ],
)
def test_the_difference_of_a_bill(selected, token, text):
    plot = selection_bill(bill(100), bill(selected, 20), unit="h", quantity="cost", title="t")
    assert written(plot, token) == [text]
    assert plot.key == (("selection", "series-5"), ("training", "data"))


def test_a_limit_of_a_bill_can_be_hidden():
    arguments: dict[str, Any] = {"unit": "h", "quantity": "cost", "title": "t"}
    seen = selection_bill(bill(100), bill(60), limits=[Limit(70, "budget")], **arguments)
    hidden = selection_bill(bill(100), bill(60), limits=[Limit(np.nan, "budget")], **arguments)
    assert seen.structure() == hidden.structure()
    assert "budget" in written(seen)
    assert "budget" not in written(hidden)


def test_breakeven_marks_only_crossings_on_the_axis():
    epochs = np.arange(3.0, 121.0)
    schedules = [
        Schedule("a", "cloud", np.full(118, 1.1), 21.07, "cloud-ink"),
        Schedule("b", "edge", np.full(118, np.nan), None),
        Schedule("c", "series-3", np.full(118, 2.2), 0.0),
    ]
    plot = schedule_breakeven(
        epochs, schedules, here=(9, 0.2), reference=Limit(1.3, "r"), predicted=(90, 3.0), title="t"
    )
    assert "21.1" in written(plot, "ink")
    assert written(plot, "ink").count("0") == 0
    assert plot.y.high == 2.5
    assert "you: 3 ×" in written(plot)
    Figure(plot)


def test_tiles_are_counted():
    plot = rare_class_tiles(200, 150, 8, floor=150, name="images", title="t")
    counts = {
        layer.token: int(np.isfinite(layer.columns()["left"]).sum()) for layer in plot.layers if layer.token != "ink"
        and "left" in layer.columns()
    }  # fmt: skip
    assert counts == {"data": 142, "met": 8, "line": 50}
    assert written(plot, "met-ink") == ["150 of 200 kept"]
    assert written(rare_class_tiles(200, 142, 0, floor=150, name="i", title="t"), "violation-ink") == [
        "142 of 200 kept"
    ]


def test_a_pareto_curve_may_name_its_families_in_a_key():
    x, y = Axis("cost", 0, 10), Axis("quality", 0, 10)
    families_ = [Trace([1, 2], [3, 4], "first", "series-3"), Trace([1, 2], [4, 5], "second", "series-4")]
    arguments: dict[str, Any] = {"x": x, "y": y, "box": Box(0, 5, 5, 10, "target"), "title": "t"}
    plot = pareto_curve(
        families_, here=Design(2, 4), named_at="key", shunned=Box(8, 12, 0, 10, "too dear"), **arguments
    )
    assert plot.key == (("first", "series-3"), ("second", "series-4"))
    assert not {"first", "second"} & set(written(plot))
    assert written(plot, "violation-ink") == ["too dear"]
    named = pareto_curve(families_, here=Design(2, 4), **arguments)
    assert named.key == ()
    assert {"first", "second"} <= set(written(named))


def test_a_design_below_the_axes_is_named_inside_them():
    plot = pareto_curve(
        [Trace([1, 2], [3, 4], "a")],
        x=Axis("cost", 0, 10),
        y=Axis("quality", 2, 10),
        box=Box(0, 5, 5, 10),
        here=Design(1, 0.5, "bad"),
        title="t",
    )
    label = next(
        layer for layer in plot.layers if isinstance(layer, Labels) and "bad beyond the axes" in layer.columns()["text"]
    )
    assert label.columns()["y"][0] > 2


# --- formulas -----------------------------------------------------------------------------------------------------


def test_formulas_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="warmup_epochs"):
        physics.curriculum_pass_equivalents(5, 6)
    with pytest.raises(ValueError, match="redundancy times recall"):
        physics.effective_data_fraction(0.5, 1.0, 1.0)
    with pytest.raises(ValueError, match="effective_fraction"):
        physics.accuracy_after_selection(0.761, 0.01)
    with pytest.raises(ValueError, match="sustained_flop_s"):
        physics.compute_hours(1e12, 0.0)


def test_accuracy_is_never_negative():
    assert physics.accuracy_after_selection(0.1, 0.05) == 0


def test_a_speedup_of_one_at_the_breakeven_schedule():
    for ratio, warmup, runs in ((80 / 90, 1, 1), (70 / 90, 2, 3)):
        epochs = physics.curriculum_breakeven_epochs(ratio, warmup, 8.2e9, 131.2e9, runs)
        assert physics.curriculum_net_speedup(
            epochs, ratio * epochs, warmup, 8.2e9, 131.2e9, 0.0, runs
        ) == pytest.approx(1)
