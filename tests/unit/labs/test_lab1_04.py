"""V1-04: the designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from components.controls import ControlError
from components.instruments.data_gravity import Stack, budget_stack
from components.instruments.data_pipeline import Stage, pipeline_stages
from components.instruments.figure import Figure
from components.instruments.layers import Axis
from components.instruments.waterfall import Limit
from labs.vol1.lab_04_data_engr import (
    DATASET,
    CloudJob,
    DataEngineeringLab,
    DataGravity,
    FeedingPipeline,
    VehicleDay,
    tiered_egress,
)
from ledger import DesignLedger, contract_of
from mlsysim.physics import loader_schedule
from tests.unit.labs.plot_words import texts

CONTEXTS = ("cloud", "edge")
NVME = 7e9


@pytest.fixture
def lab(ledger: DesignLedger) -> DataEngineeringLab:
    return DataEngineeringLab(ledger)


def in_act2(lab: DataEngineeringLab, context: str = "cloud", **controls: Any) -> DataEngineeringLab:
    """The lab with both predictions locked, in `context`, with these controls of Act II."""
    lab.set_context(context)
    lab.begin_act1()
    lab.lock("act1", "A")
    lab.set_control("act1", "efficiency", 0.2)
    lab.set_control("act1", "efficiency", 0.18)
    lab.answer("act1", "C")
    lab.lock("act2", "B")
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    return lab


def cloud(**controls: Any) -> dict[str, Any]:
    return DataGravity.evaluate("cloud", **controls)


def edge(**controls: Any) -> dict[str, Any]:
    return DataGravity.evaluate("edge", **controls)


def banners(lab: DataEngineeringLab) -> dict[str, str]:
    return {failure.id: failure.text(lab.act2.outcome) for failure in lab.act2.active_failures()}


# --- Act I ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "bottleneck", "rate", "utilization"),
    [
        ({}, "storage", 1666.67, 0.2303),
        ({"gpus": 4}, "storage", 1666.67, 0.0576),
        ({"storage_bytes_s": NVME}, "decode", 3200, 0.442),
        ({"storage_bytes_s": NVME, "workers": 36}, "decode", 7200, 0.995),
        ({"storage_bytes_s": NVME, "workers": 37}, "accelerator", 7236.6, 1.0),
        ({"storage_bytes_s": NVME, "format": "uint8"}, "accelerator", 7236.6, 1.0),
        ({"storage_bytes_s": NVME, "workers": 64, "gpus": 4}, "decode", 12_800, 0.442),
        ({"prefetch": False}, "storage", 951.76, 0.1315),
    ],
)
def test_bottleneck_in_the_cloud(controls, bottleneck, rate, utilization):
    outcome = FeedingPipeline.evaluate("cloud", **controls)
    assert outcome["bottleneck"] == bottleneck
    assert outcome["throughput_items_s"] == pytest.approx(rate, rel=1e-3)
    assert outcome["utilization"] == pytest.approx(utilization, abs=1e-3)
    assert outcome["utilization"] + outcome["feeding_tax"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("controls", "bottleneck", "tax"),
    [
        ({}, "accelerator", 0.0),
        ({"storage_bytes_s": 3.5e9}, "accelerator", 0.0),
        ({"format": "fp32"}, "storage", 0.092),
        ({"workers": 1}, "decode", 0.453),
    ],
)
def test_bottleneck_at_the_edge(controls, bottleneck, tax):
    outcome = FeedingPipeline.evaluate("edge", **controls)
    assert outcome["bottleneck"] == bottleneck
    assert outcome["feeding_tax"] == pytest.approx(tax, abs=1e-3)
    assert "wasted_usd_day" not in outcome, "nobody rents the Orin"


def test_demand_of_the_chapter():
    fed, peak = FeedingPipeline.asked(), FeedingPipeline.evaluate("cloud", efficiency=1.0)
    assert fed.demand_bytes_s == pytest.approx(1.0855e9, rel=1e-4)
    assert peak["demand_items_s"] == pytest.approx(40_203, rel=1e-4)
    assert peak["demand_bytes_s"] == pytest.approx(6.03e9, rel=1e-3)
    assert peak["feeding_tax"] == pytest.approx(0.959, abs=1e-3)
    assert fed.wasted_usd_day == pytest.approx(0.7697 * 96, rel=1e-3)
    assert "decode_items_s" not in FeedingPipeline.evaluate("cloud", format="fp32")


def test_one_step_of_the_pipeline():
    step = FeedingPipeline.asked()
    assert np.round([1e3 * t for t in (step.read_s, step.decode_s, step.compute_s, step.idle_s)], 1).tolist() == [
        153.6,
        80.0,
        35.4,
        118.2,
    ]
    turn = FeedingPipeline.evaluate("cloud", prefetch=False)
    assert turn["step_s"] == pytest.approx(0.269, abs=5e-4)
    assert turn["idle_s"] == pytest.approx(turn["read_s"] + turn["decode_s"])


@pytest.mark.parametrize("stages", [(5.0, 2.0, 1.0), (1.0, 5.0, 2.0), (1.0, 2.0, 5.0), (3.0, 0.0, 1.0)])
def test_timeline_ends_in_the_rhythm_of_the_slowest_stage(stages):
    starts, ends = loader_schedule(stages, 8, prefetch=True)
    assert ends[-1, -1] - ends[-1, -2] == pytest.approx(max(stages))
    assert np.all(starts[1:] >= ends[:-1] - 1e-12), "a stage starts with what the one before has finished"
    assert np.all(starts[:, 1:] >= ends[:, :-1] - 1e-12), "a stage works on one batch at a time"
    _, serial = loader_schedule(stages, 8, prefetch=False)
    assert serial[-1] == pytest.approx(sum(stages) * np.arange(1, 9))


@pytest.mark.parametrize(
    ("option", "ratio", "words_"),
    [
        ("A", "4.00 times", ["77 %", "94 %"]),
        ("B", "2.00 times", ["not even by half"]),
        ("C", "1.00 times", ["1,666.7 images/s", "23.0 %", "5.8 %"]),
        ("D", "4.00 times", ["sharing divides"]),
    ],
)
def test_act1_reveals(lab, option, ratio, words_):
    gap = lab.act1.prediction().gap(option)
    assert (gap.actual, gap.text, gap.correct) == ("1.00 times", ratio, option == "C")
    for word in ["250 MB/s whoever asks", "1,667 images/s, at 5.8 % utilisation", *words_]:
        assert word in gap.why


def test_act1_texts_quote_the_model(lab):
    message = lab.act1.message().text
    assert "23 % GPU utilisation" in message
    assert "96 dollars a day each" in message
    reflection = lab.act1.reflection()
    assert "77 % to 88 %" in reflection.option("A").feedback
    assert "44.2 %" in reflection.option("B").feedback
    assert "3,200" in reflection.option("B").feedback
    assert "37 or more workers" in reflection.option("C").text
    assert [option.id for option in lab.options_in_order(lab.act1.prediction())] == ["D", "C", "B", "A"]


def test_act1_pictures_name_bottleneck_and_prediction(lab):
    in_act2(lab)
    plots = lab.act1.plots(lab.act1.outcome)
    assert "storage: 1,667, bottleneck" in texts(plots["stages"])
    assert "you said, with 4 GPUs" in texts(plots["stages"])
    assert "Decoding sets" not in plots["stages"].caption
    assert "waits 118.2" in plots["waterfall"].caption
    assert "77 % in the long run" in plots["timeline"].caption
    lab.set_control("act1", "storage_bytes_s", NVME)
    assert plots["stages"].structure() == lab.act1.plots(lab.act1.outcome)["stages"].structure()
    assert "Decoding sets the pace: 3,200" in lab.act1.plots(lab.act1.outcome)["stages"].caption
    lab.set_control("act1", "format", "uint8")
    assert "nothing to decode" in texts(lab.act1.plots(lab.act1.outcome)["stages"])
    lab.set_context("edge")
    assert "you said" not in texts(lab.act1.plots(lab.act1.outcome)["stages"])


# --- Act II, Cloud ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "hours", "dollars", "feasible"),
    [
        ({}, 34.22, 93_071, False),
        ({"placement": "in_place", "reduction": 4.0}, 65.80, 4_044, True),
        ({"reduction": 4.0}, 36.33, 23_661, True),
        ({"reduction": 4.0, "link_bytes_s": 1.25e9}, 86.33, 23_661, True),
        ({"placement": "in_place"}, 152.1, 14_601, False),
        ({"link_bytes_s": 50e9}, 17.55, 93_071, False),
        ({"reduction": 5.0}, 34.62, 19_008, False),
        ({"placement": "in_place", "reduction": 4.0, "gpus": 8}, 103.8, 4_044, False),
        ({"placement": "in_place", "reduction": 4.0, "gpus_east": 8}, 103.8, 4_044, False),
        ({"placement": "in_place", "reduction": 2.2}, 96.91, 7_030, False),
        ({"placement": "in_place", "reduction": 2.3}, 93.90, 6_742, True),
        ({"reduction": 3.1}, 38.82, 30_416, False),
        ({"reduction": 3.2}, 38.47, 29_478, True),
        ({"reduction": 3.4, "link_bytes_s": 1.25e9}, 96.67, 27_767, False),
        ({"reduction": 3.5, "link_bytes_s": 1.25e9}, 94.70, 26_985, True),
        ({"reduction": 4.2}, 35.92, 22_553, True),
        ({"reduction": 4.3}, 35.74, 22_039, False),
        ({"egress_usd_per_gb": 0.02}, 34.22, 23_071, True),
    ],
)
def test_jobs_in_the_cloud(controls, hours, dollars, feasible):
    outcome = cloud(**controls)
    assert outcome["total_h"] == pytest.approx(hours, rel=1e-3)
    assert outcome["cost_usd"] == pytest.approx(dollars, rel=1e-3)
    assert outcome["feasible"] is feasible


def test_filter_keeps_unique_frames_up_to_four_times():
    assert cloud(reduction=4.0)["unique_retained"] == 1
    assert cloud(reduction=5.0)["unique_retained"] == pytest.approx(0.8)


def test_gravity_map_carries(lab):
    plots = in_act2(lab).act2.plots(lab.act2.outcome)
    for name, moved, stays in (("hours", "2.81 PB", "0.631 PB"), ("dollars", "0.322 PB", "2.05 PB")):
        assert f"moving carries {moved} and training in place {stays}" in plots[name].caption
        assert moved in texts(plots[name])
        assert stays in texts(plots[name])
    assert "your transfer: 2.78 h" in texts(plots["time"])


def test_both_placements_keep_their_gpus_and_the_map_follows(lab):
    in_act2(lab, gpus_west=8)
    before = lab.act2.outcome.stay
    lab.set_control("act2", "gpus_east", 8)
    assert lab.act2.outcome.stay[0] > before[0]
    lab.set_control("act2", "placement", "in_place")
    assert (lab.act2.gpus_west, lab.act2.gpus_east) == (8, 8)
    assert lab.act2.outcome.total_h == pytest.approx(2 * 152.1, rel=1e-3)


def test_price_opens_with_a_solved_design_and_closes_behind_an_unsolved_one(lab):
    in_act2(lab)
    with pytest.raises(ControlError, match="list price"):
        lab.set_control("act2", "egress_usd_per_gb", 0.02)
    lab.set_control("act2", "reduction", 4.0)
    lab.set_control("act2", "egress_usd_per_gb", 0.02)
    whole = lab.act2.outcome.whole
    assert whole == pytest.approx((34.22, 23_071), rel=1e-3)
    metric = next(m for m in lab.act2.metrics(lab.act2.outcome) if m.label == "Moving all of it")
    assert metric.value == "23,071"
    assert "0.02 USD/GB: 34.22 h" in metric.note
    lab.set_control("act2", "reduction", 1.0)
    assert lab.act2.egress_usd_per_gb == 0.09
    assert not lab.act2.constraints_met()


def test_cloud_banners(lab):
    in_act2(lab, link_bytes_s=50e9)
    assert banners(lab) == {
        "data_gravity": "moving 1 PB takes 5.56 h and 90,000 USD; training takes 12.0 h and 3,071 USD. Total 17.55 h "
        "of 96, 93,071 USD of 30,000 USD."
    }
    lab.set_control("act2", "placement", "in_place")
    assert banners(lab)["data_gravity"].startswith("staying put moves nothing; training takes 152 h and 14,601 USD.")
    lab.set_control("act2", "reduction", 5.0)
    assert banners(lab) == {"rare_scenes_lost": "only 80.0 % of unique frames survive the filter."}
    lab.set_control("act2", "reduction", 4.0)
    assert not banners(lab)
    assert lab.act2.constraints_met()


@pytest.mark.parametrize(
    ("option", "text", "ratio", "words_"),
    [
        ("A", "About 13 minutes", "100.0 times", ["hundred times too fast"]),
        ("B", "About 2.8 hours", "8.00 times", ["eight bits"]),
        ("C", "About 22 hours", "1.00 times", ["80,000 seconds"]),
        ("D", "About 9 days", "10.0 times", ["10 Gb/s"]),
    ],
)
def test_act2_reveals(lab, option, text, ratio, words_):
    prediction = lab.act2.prediction()
    gap = prediction.gap(option)
    assert prediction.option(option).text == text
    assert (gap.actual, gap.text, gap.correct) == ("22.2 h", ratio, option == "C")
    for word in ["12.5 gigabytes", "1,000,000 gigabytes", *words_]:
        assert word in gap.why


def test_act2_texts_quote_the_model(lab):
    reflection = lab.act2.reflection()
    assert "14,601" in reflection.question
    assert "93,071" in reflection.question
    assert "2,283 and 7,237 images/s the H100 is 4.8 times" in reflection.option("A").feedback
    assert "29 times" in reflection.option("B").text
    assert "90,000 against 3,071" in reflection.option("B").feedback
    assert "0.0115 USD/GB" in lab.act2.peek().note
    assert tiered_egress(DATASET.value) == pytest.approx(53_800)
    for number in ("53,800", "44 %", "1.0855 GB/s"):
        assert number in lab.instructor_notes


# --- Act II, Edge -----------------------------------------------------------------------------------------------

FEASIBLE = {"uplink_bytes_s": 6.25e6, "parked_h": 12, "reduction": 4.0, "buffer_bytes": 2e12}


@pytest.mark.parametrize(
    ("controls", "overflow", "outage", "feasible"),
    [
        ({}, 0.9992, 0.9645, False),
        (FEASIBLE, None, 7.716, True),
        ({"reduction": 4.0, "parked_h": 14}, 5.097, 3.858, False),
        ({"uplink_bytes_s": 125e6, "buffer_bytes": 4e12}, None, 3.858, False),
        ({"uplink_bytes_s": 125e6, "parked_h": 3, "buffer_bytes": 8e12}, None, 7.716, True),
        ({"uplink_bytes_s": 125e6, "parked_h": 2, "buffer_bytes": 8e12}, 58.48, 7.716, False),
        ({"uplink_bytes_s": 25e6, "parked_h": 12, "buffer_bytes": 8e12}, None, 7.716, True),
        ({"uplink_bytes_s": 25e6, "parked_h": 11, "buffer_bytes": 8e12}, 171.0, 7.716, False),
        ({**FEASIBLE, "reduction": 5.0}, None, 9.645, False),
    ],
)
def test_days_of_a_vehicle(controls, overflow, outage, feasible):
    outcome = edge(**controls)
    assert outcome.get("overflow_days") == (overflow and pytest.approx(overflow, rel=1e-3))
    assert outcome["outage_days"] == pytest.approx(outage, rel=1e-3)
    assert outcome["feasible"] is feasible


def test_vehicle_on_screen(lab):
    in_act2(lab, "edge", parked_h=14)
    assert banners(lab) == {
        "buffer_overflow": "1,037 GB a day arrive, 63.00 leave. The oldest frames are overwritten after 1.03 days."
    }
    plots = lab.act2.plots(lab.act2.outcome)
    assert "LTE, 14 h: 63.00, bottleneck" in texts(plots["day"])
    assert "overflows after 1.03 d" in texts(plots["buffer"])
    for name, value in FEASIBLE.items():
        lab.set_control("act2", name, value)
    assert not banners(lab)
    metrics = {metric.label: metric.value for metric in lab.act2.metrics(lab.act2.outcome)}
    assert (metrics["Kept"], metrics["Uplink carries"], metrics["Overflows after"]) == ("259.2", "270.0", "never")
    assert (metrics["Generated"], metrics["Filter load"]) == ("1,036.8", "44")
    assert "offline: 7.72 d" in texts(lab.act2.plots(lab.act2.outcome)["buffer"])


@pytest.mark.parametrize("reduction", np.round(np.arange(1, 10.05, 0.1), 1))
def test_a_design_on_the_limit_overflows_in_name_only(reduction):
    """No setting has a backlog without an overflow, or the other way round."""
    for uplink, parked in itertools.product((1.25e6, 6.25e6, 25e6, 125e6), range(2, 15)):
        outcome = DataGravity.compute("edge", reduction=reduction, uplink_bytes_s=uplink, parked_h=parked)
        assert isinstance(outcome, VehicleDay)
        assert outcome.no_overflow == (outcome.growth_bytes_day == 0) == (outcome.overflow_days is None)


# --- ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "controls", "decision", "result"),
    [
        ("cloud", {}, "move_data", 93_071),
        ("cloud", {"reduction": 4.0}, "filter_then_move", 23_661),
        ("cloud", {"placement": "in_place"}, "train_in_place", 14_601),
        ("cloud", {"placement": "in_place", "reduction": 4.0}, "filter_then_train_in_place", 4_044),
        ("edge", {"parked_h": 9}, "edge_raw", 0.9645),
        ("edge", FEASIBLE, "edge_filter", 7.716),
    ],
)
def test_decisions(lab, context, controls, decision, result):
    in_act2(lab, context, **controls)
    design = lab.design()
    assert design["act2_decision"] == decision
    assert decision in contract_of("ch04").fields["act2_decision"].vocabulary
    assert design["act2_result"] == pytest.approx(result, rel=1e-3)
    assert (design["act1_prediction"], design["act1_correct"]) == (4, False)
    assert design["reduction"] == controls.get("reduction", 1)


def test_the_pipeline_as_it_was_left_is_saved(lab):
    in_act2(lab)
    assert lab.design()["bottleneck"] == "storage"
    assert lab.design()["feeding_tax"] == pytest.approx(0.7697, abs=1e-4)
    lab.set_control("act1", "storage_bytes_s", NVME)
    assert lab.design()["bottleneck"] == "decode"


def test_presets_and_fallbacks(ledger):
    plain = DataEngineeringLab(ledger)
    assert (plain.context, plain.context_source, plain.act2.from_ledger()) == ("cloud", "", "")
    yearly = next(m for m in plain.act2.metrics(plain.act2.outcome) if m.label == "Egress a year")
    assert (yearly.value, yearly.note) == ("517,500", "5.75 releases a year")


def entry(ledger: DesignLedger, chapter: int, **own: Any) -> None:
    """An entry of an earlier lab with these fields, the others any that its contract allows."""
    fields = contract_of(f"ch{chapter:02d}").fields
    design: dict[str, Any] = {}
    for name, field in fields.items():
        default = {"boolean": False, "number": 1.0, "integer": 1, "count": 1}.get(field.type)
        design[name] = field.vocabulary[0] if field.vocabulary else default
    ledger.save(chapter=chapter, volume=1, design={**design, **own})


@pytest.mark.parametrize(
    ("releases", "yearly", "note"), [(12.0, "1,080,000", "12.0 releases a year, Lab 03"), (0.0, "517,500", "5.75")]
)
def test_lab_03_sets_the_yearly_egress(ledger, releases, yearly, note):
    entry(ledger, 2, context="edge", act1_prediction=1.53)
    entry(ledger, 3, releases_per_year=releases, act1_prediction=80)
    lab = DataEngineeringLab(ledger)
    assert (lab.context, lab.context_source) == ("edge", "Lab 02")
    lab.set_context("cloud")
    shown = next(m for m in lab.act2.metrics(lab.act2.outcome) if m.label == "Egress a year")
    assert shown.value == yearly
    assert note in shown.note
    assert bool(lab.act2.from_ledger()) == (releases > 0)


# --- pictures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("key", ["act1", "act2"])
def test_pictures_of_extreme_controls(lab, context, key):
    act = in_act2(lab, context).act(key)
    figures: dict[str, tuple[Figure, Any]] = {}
    names = list(act.specs)
    for ends in itertools.product(*((act.specs[n].values()[0], act.specs[n].values()[-1]) for n in names)):
        act.param.update(**dict(zip(names, ends, strict=True)))
        for name, plot in act.plots(act.outcome).items():
            if name not in figures:
                figures[name] = (Figure(plot), plot.structure())
            assert plot.structure() == figures[name][1], f"{name} is drawn anew"
            figures[name][0].show(plot)
    assert figures


def test_stack_is_cut_at_its_frame():
    plot = budget_stack(
        [Stack("this", {"a": 500.0, "b": 100.0})],
        tokens={"a": "data", "b": "series-2"},
        limit=Limit(96, "deadline"),
        axis=Axis("h", 0, 320),
        unit="h",
        title="t",
    )
    assert "▸ 600.0 h" in texts(plot)
    rights = [np.nanmax(layer.columns()["right"]) for layer in plot.layers if hasattr(layer, "right")]
    assert max(rights) <= 320


def test_rates_beyond_the_axis_stay_on_it():
    plot = pipeline_stages(
        [Stage("a", 5.0), Stage("b", math.nan)],
        flow=Stage("out", 5.0),
        narrowest=None,
        mark=5.0,
        mark_text="m",
        predicted=1e9,
        predicted_text="you",
        unit="1/s",
        low=1,
        high=1e5,
        title="t",
    )
    assert [text for _, text in plot.x.ticks] == ["1", "10", "100", "1k", "10k", "100k"]
    assert "you" in texts(plot)


def test_outcomes_by_context():
    assert isinstance(DataGravity.compute("cloud", reduction=1), CloudJob)
    assert isinstance(DataGravity.compute("edge", reduction=1), VehicleDay)
